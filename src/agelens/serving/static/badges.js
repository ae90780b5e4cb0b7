// Where the numbers of boxes stand: beside the faces, never on one of them and never on one another.

const GAP = 3;

// For each box {left, top, right, bottom} the corner [x, y] of its number of the size [width, height], or null where there
// is no room for it in the picture of the size [wide, high]. Everything is in the same pixels.
export function placeBadges(boxes, [width, height], [wide, high]) {
  const taken = [];
  return boxes.map((box) => {
    const corner = corners(box, width, height).find((one) => {
      const place = rectangle(one, width, height);
      const inside = place.left >= 0 && place.top >= 0 && place.right <= wide && place.bottom <= high;
      return inside && ![...boxes, ...taken].some((other) => overlap(place, other));
    });
    if (corner) {
      taken.push(rectangle(corner, width, height));
    }
    return corner || null;
  });
}

// The places around a box, the usual ones first.
function corners({ left, top, right, bottom }, width, height) {
  const [above, below, before, after] = [top - height - GAP, bottom + GAP, left - width - GAP, right + GAP];
  return [
    [left, above], [right - width, above], [left, below], [right - width, below],
    [before, top], [after, top], [before, bottom - height], [after, bottom - height],
  ];
}

function rectangle([x, y], width, height) {
  return { left: x, top: y, right: x + width, bottom: y + height };
}

function overlap(one, other) {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}
