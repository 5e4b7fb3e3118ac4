// Mouse, touch and wheel on the picture: scroll, zoom, choose, move, set the cursor.

const FAR_ENOUGH = 4;  // pixels from which a press is a drag

// handle: { choose(hit), cursor(time), move(hit, time), hover(hit or null, x, y) }
export function listen(view, handle, signal) {
  const { canvas, overview } = view, pressed = new Map();
  let drag = null, pinch = 0;
  const at = event => event.clientX - canvas.getBoundingClientRect().left;

  canvas.addEventListener("pointerdown", event => {
    canvas.setPointerCapture(event.pointerId);
    pressed.set(event.pointerId, at(event));
    const index = view.hitAt(at(event));
    drag = { x: at(event), start: view.start, hit: index < 0 ? null : view.hits[index], far: false };
    pinch = spread(pressed);
  }, { signal });

  canvas.addEventListener("pointermove", event => {
    if (!pressed.has(event.pointerId)) {
      const index = view.hitAt(at(event));
      canvas.classList.toggle("moving", index >= 0);
      return handle.hover(index < 0 ? null : view.hits[index]);
    }
    pressed.set(event.pointerId, at(event));
    if (pressed.size === 2) {
      const now = spread(pressed), middle = [...pressed.values()].reduce((a, b) => a + b) / 2;
      if (pinch && now) view.zoom(now / pinch, middle);
      [pinch, drag] = [now, null];
    }
    if (!drag) return;
    drag.far ||= Math.abs(at(event) - drag.x) >= FAR_ENOUGH;
    if (!drag.far) return;
    if (drag.hit) {
      drag.hit.time = view.timeAt(at(event));
      view.redraw();
    } else view.scrollTo(drag.start - (at(event) - drag.x) / view.perSecond);
  }, { signal });

  const release = event => {
    pressed.delete(event.pointerId);
    if (drag && event.type === "pointerup") {
      if (drag.hit && drag.far) handle.move(drag.hit.hit, drag.hit.time);
      else if (drag.hit) handle.choose(drag.hit.hit);
      else if (!drag.far) handle.cursor(view.timeAt(at(event)));
    }
    drag = null;
  };
  for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, release, { signal });
  canvas.addEventListener("pointerleave", () => handle.hover(null), { signal });

  canvas.addEventListener("wheel", event => {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) return view.zoom(Math.exp(-event.deltaY / 300), at(event));
    view.scrollTo(view.start + (event.deltaX || event.deltaY) / view.perSecond);
  }, { passive: false, signal });

  const jump = event => {
    if (event.type === "pointermove" && !event.buttons) return;
    const box = overview.getBoundingClientRect(), share = (event.clientX - box.left) / box.width;
    view.scrollTo(share * view.duration - view.width / view.perSecond / 2);
  };
  for (const kind of ["pointerdown", "pointermove"]) overview.addEventListener(kind, jump, { signal });
}

function spread(pressed) {
  const [first, second] = pressed.values();
  return second === undefined ? 0 : Math.abs(first - second);
}
