// Pages of 50 pairs, of all or of one kind. Without this script the page shows every pair.
const PAGE = 50;
const find = (id) => document.getElementById(id);
const pairs = [...document.querySelectorAll("article")];
let page = 0;

function show() {
  const [kind, conflict] = [find("kind").value, find("conflict").value];
  const chosen = pairs.filter(
    ({ dataset }) => (!kind || dataset.kind === kind) && (!conflict || dataset.conflict.split(" ").includes(conflict)),
  );
  const last = Math.max(0, Math.ceil(chosen.length / PAGE) - 1);
  page = Math.min(Math.max(page, 0), last);
  const here = new Set(chosen.slice(page * PAGE, (page + 1) * PAGE));
  pairs.forEach((pair) => { pair.hidden = !here.has(pair); });
  const [first, end] = [page * PAGE + 1, page * PAGE + here.size];
  find("where").textContent = here.size === 0 ? "No pair" : `${first}–${end} of ${chosen.length}`;
  find("back").disabled = page === 0;
  find("next").disabled = page === last;
}

function turn(by) {
  page += by;
  show();
  document.querySelector("main").scrollIntoView({ block: "start" });
}

for (const id of ["kind", "conflict"]) {
  find(id).addEventListener("change", () => { page = 0; show(); });
}
find("back").addEventListener("click", () => turn(-1));
find("next").addEventListener("click", () => turn(1));
find("bar").hidden = false;
show();
