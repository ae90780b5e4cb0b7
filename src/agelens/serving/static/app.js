// The page: photographs come in by dropping, pasting, choosing or the camera; each becomes an article.

import { startCamera } from "./camera.js";
import { element } from "./element.js";
import { Photograph } from "./photo.js";
import { saveCsv, saveJson } from "./save.js";
import { cards, health, predict } from "./server.js";

const AT_ONCE = 2;
const find = (id) => document.getElementById(id);

const waiting = [];
let shown = [];
let working = 0;

function add(files) {
  say("");
  const list = [...files];
  if (list.length === 0) {
    say("That was not a file; drop or choose photographs.");
    return;
  }
  // The newest stand first, those of one drop in their order.
  const photographs = list.map((file) => new Photograph(file, update));
  shown = [...photographs, ...shown];
  find("results").prepend(...photographs.map((one) => one.element));
  waiting.push(...photographs);
  update();
  work();
}

// What can be done with all photographs together stands above them as long as there are some.
function update() {
  shown = shown.filter((one) => !one.removed);
  find("together").hidden = shown.length === 0;
  const count = answered().length;
  find("together-count").textContent = count === 1 ? "1 photograph" : `${count} photographs`;
  ["save-json", "save-csv", "save-pictures"].forEach((id) => { find(id).disabled = count === 0; });
}

function answered() {
  return shown.filter((one) => one.answer);
}

// One after the other: each holds a canvas of the picture's full size.
async function savePictures() {
  for (const one of answered().filter((photograph) => !photograph.isBlank)) {
    await one.save();
  }
}

function removeAll() {
  waiting.length = 0;
  shown.forEach((one) => one.remove());
  say("");
  find("choose").focus();
}

async function work() {
  while (working < AT_ONCE && waiting.length > 0) {
    working += 1;
    estimate(waiting.shift()).finally(() => {
      working -= 1;
      work();
    });
  }
}

async function estimate(photograph) {
  if (photograph.removed) {
    return;
  }
  try {
    const words = photograph.show(await predict(photograph.file));
    if (!photograph.removed) {
      announce(words);
    }
  } catch (error) {
    photograph.fail(error.message);
  }
}

// A screen reader hears of several photographs one after the other.
function announce(words) {
  const line = document.createElement("span");
  line.textContent = `${words} `;
  find("summary").append(line);
  while (find("summary").childElementCount > 5) {
    find("summary").firstElementChild.remove();
  }
}

function say(sentence) {
  find("message").textContent = sentence;
  find("message").hidden = sentence === "";
}

function acceptDrops() {
  const zone = find("drop");
  let depth = 0;
  const over = (change) => {
    depth = change === 0 ? 0 : depth + change;
    zone.classList.toggle("over", depth > 0);
  };
  document.addEventListener("dragenter", () => over(1));
  document.addEventListener("dragleave", () => over(-1));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    over(0);
    add(event.dataTransfer.files);
  });
}

function acceptChoices() {
  find("choose").addEventListener("click", () => find("files").click());
  find("files").addEventListener("change", () => {
    add(find("files").files);
    // So that the same file can be chosen again.
    find("files").value = "";
  });
  document.addEventListener("paste", (event) => {
    if (event.clipboardData.files.length > 0) {
      event.preventDefault();
      add(event.clipboardData.files);
    }
  });
}

// What stands on the cards of the networks; asked for only when somebody wants to know.
async function showCard() {
  if (find("card").childElementCount > 1) {
    return;
  }
  for (const card of await cards()) {
    const lists = {
      "Out of scope": card.out_of_scope_use || [],
      "Where it is weak": card.limitations || [],
      "Licence of its data": card.data && card.data.licence ? [card.data.licence] : [],
    };
    for (const [title, lines] of Object.entries(lists).filter(([, some]) => some.length > 0)) {
      const list = element("ul");
      list.append(...lines.map((line) => element("li", "", line)));
      find("card").append(element("h3", "", title), list);
    }
  }
}

acceptDrops();
acceptChoices();
find("save-json").addEventListener("click", () => saveJson(answered().map((one) => one.answer)));
find("save-csv").addEventListener("click", () => saveCsv(answered().map((one) => one.answer)));
find("save-pictures").addEventListener("click", savePictures);
find("remove-all").addEventListener("click", removeAll);
find("card").addEventListener("toggle", () => showCard().catch((error) => say(error.message)));
find("open-camera").addEventListener("click", () => startCamera((file) => add([file]), announce));
health().then(
  (facts) => {
    find("version").textContent = `· AgeLens ${facts.version}`;
  },
  (error) => say(error.message),
);
