/* Ctrl Space in an expression: the names that begin like the word before the caret. Arrows choose, Enter or Tab takes, Esc closes. */
const MOST = 12;
const words = JSON.parse(document.getElementById("words").textContent).map(([name, type]) => ({ name, type }));

export function completing(area, box) {
  let list = null;
  let chosen = 0;
  let hits = [];

  function close() {
    list?.remove();
    list = null;
    area.removeAttribute("aria-activedescendant");
    area.removeAttribute("aria-controls");
  }

  const begun = () => area.value.slice(0, area.selectionStart).match(/[A-Za-z_][\w.]*$/)?.[0] ?? "";

  function take(hit) {
    const until = area.selectionStart;
    area.setRangeText(hit.name, until - begun().length, until, "end");
    close();
    area.dispatchEvent(new Event("input", { bubbles: true }));
    area.focus();
  }

  function mark() {
    [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === chosen)));
    area.setAttribute("aria-activedescendant", list.children[chosen].id);
    list.children[chosen].scrollIntoView({ block: "nearest" });
  }

  function open() {
    close();
    const word = begun().toLowerCase();
    hits = words.filter(({ name }) => name.toLowerCase().startsWith(word));
    if (!hits.length) hits = words.filter(({ name }) => name.includes(word));
    hits = hits.slice(0, MOST);
    if (!hits.length) return;
    list = document.createElement("ul");
    list.className = "complete";
    list.id = `${area.id}-words`;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "Names");
    hits.forEach((hit, at) => {
      const item = document.createElement("li");
      const type = document.createElement("span");
      item.id = `${list.id}-${at}`;
      item.setAttribute("role", "option");
      item.textContent = hit.name;
      type.className = "dim";
      type.textContent = hit.type;
      item.append(type);
      item.addEventListener("mousedown", (event) => (event.preventDefault(), take(hit)));
      list.append(item);
    });
    box.append(list);
    area.setAttribute("aria-controls", list.id);
    chosen = 0;
    mark();
  }

  area.addEventListener("keydown", (event) => {
    if (event.key === " " && event.ctrlKey) {
      event.preventDefault();
      open();
    } else if (list && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      chosen = (chosen + (event.key === "ArrowDown" ? 1 : hits.length - 1)) % hits.length;
      mark();
    } else if (list && (event.key === "Enter" || event.key === "Tab")) {
      event.preventDefault();
      take(hits[chosen]);
    } else if (list && event.key === "Escape") {
      event.stopPropagation();
      close();
    }
  });
  area.addEventListener("input", () => list && open());
  area.addEventListener("blur", close);
}
