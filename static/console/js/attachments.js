/* Images and audio that go with the next message. They are read here and sent with it; nothing else keeps them. */
import { el, icon } from "./dom.js";

const MOST_FILES = 4;
const REST = 200_000; // for what is not in files
const mostCharacters = Number(document.getElementById("play").dataset.mostBytes) - REST;
const tray = document.getElementById("attached");
const held = [];

function draw() {
  tray.hidden = !held.length;
  tray.replaceChildren(
    ...held.map((one) => {
      const remove = el("button", { type: "button", "aria-label": `Remove ${one.name}` }, icon("x"));
      remove.addEventListener("click", () => (held.splice(held.indexOf(one), 1), draw()));
      return el("span", { class: "chip" }, icon(one.kind === "image" ? "image" : "mic"), one.name.slice(0, 40), remove);
    }),
  );
}

function complain(text) {
  tray.hidden = false;
  tray.append(el("span", { class: "err", role: "alert" }, icon("badc"), el("span", {}, text)));
}

const read = (file) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });

async function take(file, kind) {
  draw();
  if (!file) return;
  if (held.length >= MOST_FILES) return complain(`At most ${MOST_FILES} files go with one message.`);
  const room = Math.floor(((mostCharacters - held.reduce((sum, one) => sum + one.url.length, 0)) * 3) / 4);
  if (file.size > room) return complain(`${file.name} is too large: there is room for ${Math.max(0, room / 1_000_000).toFixed(1)} MB.`);
  const url = await read(file).catch(() => null);
  if (url === null) return complain(`${file.name} could not be read.`);
  held.push({ kind, name: file.name, url });
  draw();
}

for (const kind of ["image", "audio"]) {
  const input = document.getElementById(kind);
  document.getElementById(`add-${kind}`).addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    take(input.files[0], kind);
    input.value = "";
  });
}

/* As parts of a message. */
export function attachments() {
  return held.map((one) => {
    if (one.kind === "image") return { type: "image_url", image_url: { url: one.url } };
    return { type: "input_audio", input_audio: { data: one.url.slice(one.url.indexOf(",") + 1), format: /\.mp3$/i.test(one.name) ? "mp3" : "wav" } };
  });
}

/* What stands for them in the conversation; they are gone from here then. */
export function takeAttachments() {
  const shown = held.map((one) => (one.kind === "image" ? el("img", { class: "thumb", src: one.url, alt: `attached image: ${one.name}` }) : el("span", { class: "tag" }, icon("mic"), one.name.slice(0, 40))));
  held.length = 0;
  draw();
  return shown;
}
