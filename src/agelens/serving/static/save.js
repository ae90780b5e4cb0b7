// Results as files: JSON as the server gave it, CSV with a row for each face, and the picture with its boxes.

import { placeBadges } from "./badges.js";
import { boxOf } from "./boxes.js";

// The columns of `agelens predict --csv`.
const COLUMNS = [
  "file", "face", "left", "top", "right", "bottom", "score", "low_confidence", "age_years", "age_low", "age_high", "p_female",
];

export function saveJson(answers) {
  save(`${JSON.stringify({ photos: answers }, null, 2)}\n`, "application/json", "agelens.json");
}

export function saveCsv(answers) {
  const lines = answers.flatMap((answer) => rows(answer).map((row) => COLUMNS.map((name) => cell(row[name])).join(",")));
  save(`${[COLUMNS.join(","), ...lines].join("\n")}\n`, "text/csv", "agelens.csv");
}

// The photograph in its full size with numbered boxes, and a line for each number below it.
export async function savePicture(image, name, answer, describe) {
  const canvas = document.createElement("canvas");
  const size = Math.max(12, Math.round(Math.min(answer.width, answer.height) / 40));
  const lines = answer.faces.map((face, index) => describe(face, index + 1));
  [canvas.width, canvas.height] = [answer.width, answer.height + Math.round(size * 1.5 * lines.length)];
  const context = canvas.getContext("2d");
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, answer.width, answer.height);
  drawAnswer(context, answer, size);
  context.fillStyle = "#14181c";
  lines.forEach((line, index) => context.fillText(line, size / 2, answer.height + size * (1.5 * index + 0.75), canvas.width - size));
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
  if (!blob) {
    throw new Error(`${name} is too large for this browser to draw.`);
  }
  download(blob, `${name.replace(/\.[^.]*$/, "")} annotated.jpg`);
}

function drawAnswer(context, answer, size) {
  context.font = `600 ${size}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  const boxes = answer.faces.map((face) => boxOf(face, answer));
  boxes.forEach(({ left, top, right, bottom }, index) => {
    for (const [colour, width] of [["rgb(0 0 0 / 0.7)", size / 4], ["#ffffff", size / 8]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.setLineDash(answer.faces[index].low_confidence ? [size / 2, size / 2] : []);
      context.strokeRect(left, top, right - left, bottom - top);
    }
  });
  const badge = [context.measureText(String(boxes.length)).width + size * 0.6, size * 1.3];
  placeBadges(boxes, badge, [answer.width, answer.height]).forEach((corner, index) => {
    if (corner) {
      context.fillStyle = "rgb(20 24 28 / 0.88)";
      context.fillRect(...corner, ...badge);
      context.fillStyle = "#ffffff";
      context.fillText(String(index + 1), corner[0] + size * 0.3, corner[1] + badge[1] / 2);
    }
  });
}

function rows({ file, faces }) {
  return faces.map((face, index) => {
    const [left, top, right, bottom] = face.box || [];
    return { ...face, file, face: index + 1, left, top, right, bottom, low_confidence: face.low_confidence ? "True" : "False" };
  });
}

// Quoted where CSV needs it.
function cell(value) {
  const text = value === undefined || value === null ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function save(text, type, name) {
  download(new Blob([text], { type }), name);
}

function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser has taken the file by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
