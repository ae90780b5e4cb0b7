// The camera, live: one frame is sent at a time, the next only after its answer.

import { drawBoxes, linkCards } from "./boxes.js";
import { fillCards } from "./card.js";
import { predict } from "./server.js";

// Frames are sent at most this wide; faces that are large enough to be estimated stay so.
const WIDEST = 1280;
const PAUSE = 1000;
const find = (id) => document.getElementById(id);

let stream = null;

// keep(file) takes a frame that the person wants to keep; announce(words) tells a screen reader.
export async function startCamera(keep, announce) {
  if (stream) {
    return;
  }
  const section = find("camera");
  section.hidden = false;
  tell("");
  find("camera-facts").textContent = "is being opened …";
  try {
    stream = await openCamera();
  } catch (error) {
    tell(whyNot(error));
    find("camera-facts").textContent = "";
    find("keep").hidden = true;
    find("close-camera").onclick = stop;
    return;
  }
  const video = find("video");
  video.srcObject = stream;
  let frame = null;
  find("keep").hidden = false;
  find("keep").onclick = () => frame && keep(new File([frame], `camera ${new Date().toLocaleTimeString()}.jpg`, { type: "image/jpeg" }));
  find("close-camera").onclick = stop;
  stream.getVideoTracks()[0].onended = stop;
  await video.play();
  let count = -1;
  while (stream) {
    frame = await nextFrame(video);
    const answer = frame && (await ask(frame));
    if (stream && answer) {
      show(section, answer);
      if (answer.faces.length !== count) {
        count = answer.faces.length;
        announce(`Camera: ${faces(count)}.`);
      }
    } else {
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}

function openCamera() {
  if (!navigator.mediaDevices) {
    throw new Error("Browsers let a page use the camera only at this machine's own address (localhost) or over HTTPS.");
  }
  return navigator.mediaDevices.getUserMedia({ video: { width: { ideal: WIDEST }, facingMode: "user" }, audio: false });
}

function whyNot(error) {
  const sentences = {
    NotAllowedError: "The browser was not allowed to use the camera; allow it in the settings of this page.",
    NotFoundError: "No camera was found.",
    NotReadableError: "The camera is in use by another program.",
  };
  return sentences[error.name] || error.message;
}

async function nextFrame(video) {
  // A page that nobody sees does not look through the camera.
  if (document.hidden || !video.videoWidth) {
    return null;
  }
  const scale = Math.min(1, WIDEST / video.videoWidth);
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.9));
}

async function ask(frame) {
  try {
    const answer = await predict(new File([frame], "camera.jpg"));
    tell("");
    return answer;
  } catch (error) {
    tell(error.message);
    return null;
  }
}

function show(section, answer) {
  const [cards, boxes] = [section.querySelector(".cards"), section.querySelector(".boxes")];
  drawBoxes(boxes, answer);
  fillCards(cards, answer.faces);
  linkCards(cards, boxes);
  find("camera-facts").textContent = faces(answer.faces.length);
}

function faces(count) {
  return count === 0 ? "No face was found" : count === 1 ? "1 face" : `${count} faces`;
}

function tell(sentence) {
  find("camera-error").textContent = sentence;
  find("camera-error").hidden = sentence === "";
}

function stop() {
  const section = find("camera");
  if (stream) {
    stream.getTracks().forEach((track) => track.stop());
  }
  stream = null;
  find("video").srcObject = null;
  section.querySelector(".cards").replaceChildren();
  section.querySelector(".boxes").replaceChildren();
  section.hidden = true;
  find("open-camera").focus();
}
