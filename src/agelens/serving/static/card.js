// The card of a face: its age with the curve of its distribution, and its gender as a bar.

import { describeCurve, describeFace, genderOf, percent, years } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, BASE, SIDE] = [320, 84, 66, 8];
const OLDEST = 116;

// Make a list show these faces; cards that are there stay, so that a live picture does not lose the focus.
export function fillCards(list, faces) {
  while (list.childElementCount > faces.length) {
    list.lastElementChild.remove();
  }
  faces.forEach((face, index) => {
    const card = list.children[index] || list.appendChild(document.createElement("li"));
    fillCard(card, face, index + 1);
  });
}

function fillCard(card, face, number) {
  card.classList.add("card");
  card.classList.toggle("low-confidence", Boolean(face.low_confidence));
  card.tabIndex = 0;
  card.setAttribute("aria-label", describeFace(face, number));
  const head = html("div", "head");
  head.append(html("span", "number", String(number)));
  if (face.age_years !== undefined) {
    const age = html("p", "age");
    age.append(html("strong", "", years(face.age_years)), " years");
    head.append(age);
  }
  if (face.age_low !== undefined) {
    head.append(html("p", "interval", `90 % interval: ${[face.age_low, face.age_high].map(years).join(" to ")}`));
  }
  if (face.low_confidence) {
    head.append(html("span", "chip", "low confidence: may be no face"));
  }
  card.replaceChildren(head);
  if (face.age_years !== undefined) {
    card.append(curve(face));
  }
  if (face.p_female !== undefined) {
    card.append(gender(face));
  }
}

function gender(face) {
  const { label, share } = genderOf(face);
  const row = html("div", "gender");
  const bar = html("div", "bar");
  const fill = html("i");
  fill.style.width = `${100 * share}%`;
  bar.append(fill);
  bar.setAttribute("aria-hidden", "true");
  row.append(html("b", "", `${label} ${percent(share)}`), html("small", "", "dataset's binary label"), bar);
  return row;
}

function curve(face) {
  const picture = svg("svg", { class: "curve", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
  picture.setAttribute("aria-label", describeCurve(face));
  const shares = face.age_distribution;
  const [from, to] = [face.age_low ?? null, face.age_high ?? null];
  if (shares) {
    const highest = Math.max(...shares);
    const points = shares.map((share, age) => [place(age), BASE - (BASE - 8) * (share / highest)]);
    picture.append(svg("path", { class: "all", d: area(points) }));
    if (from !== null) {
      const first = Math.max(0, Math.floor(from));
      const last = Math.min(shares.length - 1, Math.ceil(to));
      picture.append(svg("path", { class: "inside", d: area(points.slice(first, last + 1)) }));
    }
    picture.append(svg("path", { class: "line", d: `M${points.map(text).join("L")}` }));
  } else if (from !== null) {
    picture.append(svg("rect", { class: "inside", x: place(from), y: 24, width: place(to) - place(from), height: BASE - 24 }));
  }
  const x = place(face.age_years);
  picture.append(
    svg("line", { class: "median", x1: x, x2: x, y1: 4, y2: BASE }),
    svg("line", { class: "axis", x1: SIDE, x2: WIDTH - SIDE, y1: BASE, y2: BASE }),
  );
  for (let age = 0; age <= 100; age += 20) {
    const label = svg("text", { x: place(age), y: HEIGHT - 3, "aria-hidden": "true" });
    label.textContent = age;
    picture.append(svg("line", { class: "axis", x1: place(age), x2: place(age), y1: BASE, y2: BASE + 3 }), label);
  }
  return picture;
}

function place(age) {
  return SIDE + ((WIDTH - 2 * SIDE) * age) / OLDEST;
}

function area(points) {
  const [first, last] = [points[0], points[points.length - 1]];
  return `M${text([first[0], BASE])}L${points.map(text).join("L")}L${text([last[0], BASE])}Z`;
}

function text([x, y]) {
  return `${x.toFixed(1)} ${y.toFixed(1)}`;
}

function html(tag, className = "", content = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = content;
  return made;
}

function svg(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
  return made;
}
