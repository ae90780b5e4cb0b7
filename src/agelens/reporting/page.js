// What every page does with its tables: one that is wider than the screen says so, and the keyboard can scroll it.
const tables = [...document.querySelectorAll(".scroll")];
const measureTables = () => tables.forEach((one) => {
  const wider = one.scrollWidth > one.clientWidth + 1;
  one.classList.toggle("wider", wider);
  if (wider) one.tabIndex = 0; else one.removeAttribute("tabindex");
});
measureTables();
addEventListener("resize", measureTables);
// A table inside a closed detail has no width before it is opened.
document.addEventListener("toggle", measureTables, true);
