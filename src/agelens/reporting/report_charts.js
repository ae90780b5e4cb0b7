// The charts of the report: drawn in the page's theme, and anew for paper.
const { figures, themes } = JSON.parse(document.getElementById("figures").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const plots = [...document.querySelectorAll("[data-figure]")];

// Two panels stand side by side on a desk and one above the other on a phone.
function stack(layout) {
  layout.xaxis.domain = layout.xaxis2.domain = [0, 1];
  layout.yaxis.domain = [0.57, 1];
  layout.yaxis2.domain = [0, 0.43];
  layout.yaxis2.showticklabels = true;
  layout.xaxis.title = undefined;
  layout.annotations.forEach((note, index) => { note.x = 0.5; note.y = index ? 0.43 : 1; });
  layout.shapes?.forEach((line) => { if (line.xref === "x2 domain") line.yref = "y2"; });
  return 680;
}

function paint(plot, theme, width) {
  const { data, layout } = structuredClone(figures[plot.dataset.figure]);
  layout.template = themes[theme];
  layout.dragmode = false;
  if ((width || plot.clientWidth) < 560 && layout.meta.panels === 2) layout.height = stack(layout);
  plot.style.height = layout.height + "px";
  if (width) layout.width = width;
  return Plotly.react(plot, data, layout, { responsive: true, displaylogo: false, displayModeBar: false });
}

const paintAll = () => plots.forEach((plot) => paint(plot, dark.matches ? "dark" : "light"));
paintAll();
dark.addEventListener("change", paintAll);
// Paper is white and about this wide, whatever the screen is.
addEventListener("beforeprint", () => plots.forEach((plot) => paint(plot, "light", Math.min(680, plot.clientWidth))));
addEventListener("afterprint", paintAll);
