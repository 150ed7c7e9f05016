/* The socket of live traffic: it comes back by itself, after 1 to 30 seconds, and tells since when it was away. */
const FIRST_MS = 1000;
const LAST_MS = 30_000;
const SIGNED_OUT = 4401;
const TOO_MANY = 4429;

export function connect(path, { told, opened, lost }) {
  const link = { is_open: false, since: null };
  let wait = FIRST_MS;

  function open() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`);
    socket.addEventListener("open", () => {
      link.is_open = true;
      wait = FIRST_MS;
      opened();
      link.since = null;
    });
    socket.addEventListener("message", (event) => told(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => {
      if (link.is_open) link.since = Date.now();
      link.is_open = false;
      if (event.code === SIGNED_OUT) return lost("You are signed out. Reload the page to sign in again.");
      const seconds = Math.round(wait / 1000);
      lost(event.code === TOO_MANY ? `Too many pages watch already; tried again in ${seconds} s.` : `Not connected; tried again in ${seconds} s.`);
      setTimeout(open, wait * (0.75 + Math.random() / 2));
      wait = Math.min(LAST_MS, 2 * wait);
    });
  }

  open();
  return link;
}
