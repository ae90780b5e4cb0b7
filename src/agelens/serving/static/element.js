// Making elements; text is only ever set as text.

export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

export function button(text, className, label, click) {
  const made = element("button", className, text);
  made.type = "button";
  made.setAttribute("aria-label", label);
  made.addEventListener("click", click);
  return made;
}
