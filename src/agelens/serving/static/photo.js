// A photograph on the page: the picture with numbered boxes, and a card for each face.

import { fillCards } from "./card.js";
import { describeFace } from "./words.js";

// Boxes below this share of the picture's width carry their number above them.
const SMALL = 0.06;

export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

export class Photograph {
  constructor(file) {
    this.file = file;
    this.name = file.name || "pasted picture";
    this.removed = false;
    this.url = URL.createObjectURL(file);
    this.element = element("article", "photo pending bare");
    this.element.setAttribute("aria-label", this.name);
    this.element.setAttribute("aria-busy", "true");
    this.facts = element("p", "facts", "is being looked at …");
    const remove = element("button", "quiet", "Remove");
    remove.type = "button";
    remove.setAttribute("aria-label", `Remove ${this.name}`);
    remove.addEventListener("click", () => this.remove());
    const header = element("header");
    const title = element("div", "title");
    title.append(element("h2", "", this.name), this.facts);
    header.append(title, remove);
    this.stage = element("div", "stage");
    this.image = element("img");
    this.image.alt = this.name;
    // What the browser cannot show, the server may still be able to read.
    this.image.addEventListener("error", () => this.blank());
    this.image.src = this.url;
    this.boxes = element("div", "boxes");
    this.boxes.setAttribute("aria-hidden", "true");
    this.stage.append(this.image, this.boxes);
    this.cards = element("ol", "cards");
    this.cards.setAttribute("aria-label", `Faces in ${this.name}`);
    this.pair = element("div", "pair");
    this.pair.append(this.stage);
    this.element.append(header, this.pair);
  }

  // Draw what was found; gives the same in words.
  show(answer) {
    this.finish();
    const { faces } = answer;
    const count = faces.length === 0 ? "No face was found" : faces.length === 1 ? "1 face" : `${faces.length} faces`;
    this.facts.textContent = `${count} · ${answer.width} × ${answer.height} pixels`;
    this.size = answer;
    if (this.isBlank) {
      this.blank();
    }
    drawBoxes(this.boxes, answer);
    if (faces.length > 0) {
      this.element.classList.remove("bare");
      fillCards(this.cards, faces);
      linkCards(this.cards, this.boxes);
      this.pair.append(this.cards);
      this.image.alt = `${this.name}, with a numbered box around each face`;
    }
    const words = faces.map((face, index) => describeFace(face, index + 1));
    return `${this.name}: ${count}. ${words.join(" ")}`;
  }

  fail(sentence) {
    this.finish();
    this.facts.textContent = "";
    const error = element("p", "error", sentence);
    error.setAttribute("role", "alert");
    this.element.insertBefore(error, this.pair);
    if (this.isBlank) {
      this.pair.remove();
    }
  }

  finish() {
    this.element.classList.remove("pending");
    this.element.removeAttribute("aria-busy");
  }

  blank() {
    this.isBlank = true;
    this.image.remove();
    if (this.size) {
      this.stage.classList.add("blank");
      this.stage.style.aspectRatio = `${this.size.width} / ${this.size.height}`;
    }
  }

  remove() {
    this.removed = true;
    URL.revokeObjectURL(this.url);
    const next = this.element.nextElementSibling || this.element.previousElementSibling;
    const button = next ? next.querySelector("button.quiet") : document.getElementById("choose");
    this.element.remove();
    button.focus();
  }
}

// Boxes in percent of the picture, so that they follow it to any size.
export function drawBoxes(layer, { width, height, faces }) {
  layer.replaceChildren(
    ...faces.map((face, index) => {
      const box = element("div", face.low_confidence ? "box uncertain" : "box");
      const [left, top, right, bottom] = face.box || [0, 0, width, height];
      const [x, y] = [Math.max(0, left), Math.max(0, top)];
      box.classList.toggle("small", right - left < SMALL * width && y > 0.05 * height);
      box.style.left = `${(100 * x) / width}%`;
      box.style.top = `${(100 * y) / height}%`;
      box.style.width = `${(100 * (Math.min(width, right) - x)) / width}%`;
      box.style.height = `${(100 * (Math.min(height, bottom) - y)) / height}%`;
      box.append(element("span", "", String(index + 1)));
      return box;
    }),
  );
}

// A card and its box light up together; a click on a box goes to its card.
export function linkCards(cards, layer) {
  [...layer.children].forEach((box, index) => {
    const card = cards.children[index];
    const light = (on) => [box, card].forEach((one) => one.classList.toggle("active", on));
    for (const one of [box, card]) {
      one.onmouseenter = () => light(true);
      one.onmouseleave = () => light(card.contains(document.activeElement));
    }
    card.onfocus = () => light(true);
    card.onblur = () => light(false);
    box.onclick = () => {
      card.focus({ preventScroll: true });
      card.scrollIntoView({ block: "nearest" });
    };
    light(card === document.activeElement);
  });
}
