// A photograph on the page: the picture with numbered boxes, and a card for each face.

import { drawBoxes, linkCards } from "./boxes.js";
import { fillCards } from "./card.js";
import { button, element } from "./element.js";
import { savePicture } from "./save.js";
import { describeFace } from "./words.js";

export class Photograph {
  // changed() is called whenever it has an answer, or is removed.
  constructor(file, changed) {
    this.file = file;
    this.changed = changed;
    this.name = file.name || "pasted picture";
    this.removed = false;
    this.answer = null;
    this.url = URL.createObjectURL(file);
    this.element = element("article", "photo pending bare");
    this.element.setAttribute("aria-label", this.name);
    this.element.setAttribute("aria-busy", "true");
    this.facts = element("p", "facts", "is being looked at …");
    this.saving = button("Save picture", "quiet", `Save picture ${this.name} with its boxes`, () => this.save());
    this.saving.hidden = true;
    const header = element("header");
    const title = element("div", "title");
    title.append(element("h2", "", this.name), this.facts);
    header.append(title, this.saving, button("Remove", "quiet remove", `Remove ${this.name}`, () => this.removeAndMoveOn()));
    this.cards = element("ol", "cards");
    this.cards.setAttribute("aria-label", `Faces in ${this.name}`);
    this.pair = element("div", "pair");
    this.pair.append(this.makeView());
    this.element.append(header, this.pair);
  }

  makeView() {
    this.stage = element("div", "stage");
    this.image = element("img");
    this.image.alt = this.name;
    // What the browser cannot show, the server may still be able to read.
    this.image.addEventListener("error", () => this.blank());
    this.image.src = this.url;
    this.boxes = element("div", "boxes");
    this.boxes.setAttribute("aria-hidden", "true");
    this.stage.append(this.image, this.boxes);
    const view = element("div", "view");
    view.append(this.stage);
    return view;
  }

  // Draw what was found; gives the same in words.
  show(answer) {
    this.finish();
    const { faces } = answer;
    const count = faces.length === 0 ? "No face was found" : faces.length === 1 ? "1 face" : `${faces.length} faces`;
    this.facts.textContent = `${count} · ${answer.width} × ${answer.height} pixels`;
    // On the way to the server a name loses its quotes.
    this.answer = { ...answer, file: this.name };
    if (this.isBlank) {
      this.blank();
    }
    this.saving.hidden = Boolean(this.isBlank);
    drawBoxes(this.boxes, answer);
    if (faces.length > 0) {
      this.element.classList.remove("bare");
      fillCards(this.cards, faces);
      linkCards(this.cards, this.boxes);
      this.pair.append(this.cards);
      this.image.alt = `${this.name}, with a numbered box around each face`;
    }
    this.changed();
    const words = faces.map((face, index) => describeFace(face, index + 1));
    return `${this.name}: ${count}. ${words.join(" ")}`;
  }

  fail(sentence) {
    this.finish();
    this.facts.textContent = "";
    this.tell(sentence);
    if (this.isBlank) {
      this.pair.remove();
    }
  }

  tell(sentence) {
    const error = element("p", "error", sentence);
    error.setAttribute("role", "alert");
    this.element.insertBefore(error, this.pair);
  }

  finish() {
    this.element.classList.remove("pending");
    this.element.removeAttribute("aria-busy");
  }

  blank() {
    this.isBlank = true;
    this.image.remove();
    this.saving.hidden = true;
    if (this.answer) {
      this.stage.classList.add("blank");
      this.stage.style.aspectRatio = `${this.answer.width} / ${this.answer.height}`;
    }
  }

  async save() {
    try {
      await savePicture(this.image, this.name, this.answer, describeFace);
    } catch (error) {
      this.tell(error.message);
    }
  }

  remove() {
    this.removed = true;
    URL.revokeObjectURL(this.url);
    this.element.remove();
    this.changed();
  }

  // The focus goes to the neighbour, so that the keyboard does not start again at the top.
  removeAndMoveOn() {
    const next = this.element.nextElementSibling || this.element.previousElementSibling;
    this.remove();
    (next ? next.querySelector("button.remove") : document.getElementById("choose")).focus();
  }
}
