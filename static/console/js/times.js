/* Every <time datetime data-as> in the viewer's zone: the browser's, or the one that the profile fixes (`data-zone` of <html>). Countdowns
   tick from the time itself. */

const root = document.documentElement;
const zone = root.dataset.zone || Intl.DateTimeFormat().resolvedOptions().timeZone;
const MINUTE = 60, HOUR = 3600, DAY = 86400;

const formats = {
  clock: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  far: { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
  mark: { hour: "2-digit", minute: "2-digit" },
  date: { day: "numeric", month: "short" },
  week: { weekday: "short", hour: "2-digit", minute: "2-digit" },
  day: { day: "numeric", month: "short", year: "numeric" },
  whole: { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" },
};
const printers = Object.fromEntries(
  Object.entries(formats).map(([name, options]) => [name, new Intl.DateTimeFormat("en-GB", { ...options, hourCycle: "h23", timeZone: zone })]),
);
const dayOf = (date) => printers.day.format(date);

function length(seconds) {
  if (seconds < MINUTE) return `${Math.round(seconds)} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  const minutes = Math.floor((seconds % HOUR) / MINUTE);
  return minutes ? `${Math.floor(seconds / HOUR)} h ${minutes} min` : `${Math.floor(seconds / HOUR)} h`;
}

function near(date, now) {
  const away = (date - now) / 1000;
  if (Math.abs(away) >= DAY) return printers.far.format(date);
  return away >= 0 ? `in ${length(away)}` : `${length(-away)} ago`;
}

function words(date, form, now) {
  if (form === "near") return near(date, now);
  if (form === "day" || form === "date" || form === "mark" || form === "far") return printers[form].format(date);
  if (form === "hm") return dayOf(date) === dayOf(now) ? printers.mark.format(date) : printers[(date - now) / 1000 < 6 * DAY ? "week" : "date"].format(date);
  return dayOf(date) === dayOf(now) ? printers.clock.format(date) : printers.far.format(date);
}

export function printTimes(within) {
  const now = new Date();
  for (const element of within.querySelectorAll("time[datetime][data-as]")) {
    const date = new Date(element.dateTime);
    const text = words(date, element.dataset.as, now);
    if (element.textContent !== text) element.textContent = text;
    if (!element.title) element.title = `${printers.whole.format(date)} ${zone}`;
  }
}

for (const name of document.querySelectorAll("[data-zone-name]")) name.textContent = zone;
