// The boxes over a picture and their numbers; the cards of the faces beside it.

import { placeBadges } from "./badges.js";
import { element } from "./element.js";

const answers = new WeakMap();
const resized = new ResizeObserver((entries) => entries.forEach(({ target }) => placeNumbers(target)));

// Boxes in percent of the picture, so that they follow it to any size.
export function drawBoxes(layer, answer) {
  const { width, height, faces } = answer;
  const boxes = faces.map((face) => {
    const box = element("div", face.low_confidence ? "box low-confidence" : "box");
    const { left, top, right, bottom } = boxOf(face, answer);
    box.style.left = `${(100 * left) / width}%`;
    box.style.top = `${(100 * top) / height}%`;
    box.style.width = `${(100 * (right - left)) / width}%`;
    box.style.height = `${(100 * (bottom - top)) / height}%`;
    return box;
  });
  const numbers = faces.map((_, index) => element("span", "badge", String(index + 1)));
  layer.replaceChildren(...boxes, ...numbers);
  answers.set(layer, answer);
  resized.observe(layer);
  placeNumbers(layer);
}

// The box of a face within its picture, in the pixels of the photograph; a crop is its own box.
export function boxOf({ box }, { width, height }) {
  const [left, top, right, bottom] = box || [0, 0, width, height];
  return { left: Math.max(0, left), top: Math.max(0, top), right: Math.min(width, right), bottom: Math.min(height, bottom) };
}

// Numbers keep their size whatever the picture's is, so they are placed anew when that changes.
function placeNumbers(layer) {
  const answer = answers.get(layer);
  const numbers = [...layer.querySelectorAll(".badge")];
  if (numbers.length === 0 || layer.clientWidth === 0) {
    return;
  }
  const scale = layer.clientWidth / answer.width;
  const boxes = answer.faces.map((face) => {
    const { left, top, right, bottom } = boxOf(face, answer);
    return { left: left * scale, top: top * scale, right: right * scale, bottom: bottom * scale };
  });
  numbers.forEach((one) => { one.hidden = false; });
  const size = [Math.max(...numbers.map((one) => one.offsetWidth)), numbers[0].offsetHeight];
  placeBadges(boxes, size, [layer.clientWidth, layer.clientHeight]).forEach((corner, index) => {
    numbers[index].hidden = corner === null;
    if (corner) {
      [numbers[index].style.left, numbers[index].style.top] = corner.map((one) => `${one}px`);
    }
  });
}

// A card and its box light up together; a click on a box goes to its card.
export function linkCards(cards, layer) {
  const numbers = layer.querySelectorAll(".badge");
  layer.querySelectorAll(".box").forEach((box, index) => {
    const card = cards.children[index];
    const light = (on) => [box, card, numbers[index]].forEach((one) => one.classList.toggle("active", on));
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
