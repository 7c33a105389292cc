/* Sliders that are sent once they stand still: arrow keys move them in steps, and what arrives until then mustn't move them back. */

/** A slider is sent when it has stood still for this long. */
const restMs = 300;
/** After a slider has been let go, "change" follows within this time, if at all. */
const changeWithinMs = 100;

const isSlider = (element) => element.type === 'range';

/**
 * Marks the sliders in `container` with `data-held` while they are moved and until they are sent. `send(slider)` is called when one has come to rest,
 * and `released()` whenever one isn't held anymore.
 */
export function holdSliders(container, send, released) {
  /** The timer of each slider that is sent as soon as it stands still. */
  const timers = new Map();
  container.addEventListener('input', ({ target }) => {
    if (!isSlider(target)) return;
    clearTimeout(timers.get(target));
    timers.delete(target);
    target.dataset.held = '';
  });
  container.addEventListener('change', ({ target }) => {
    if (!isSlider(target)) return;
    clearTimeout(timers.get(target));
    const timer = setTimeout(() => {
      release(target);
      send(target);
      released();
    }, restMs);
    timers.set(target, timer);
  });
  /** A slider that is let go where it was sends no "change". */
  function releaseUnchanged() {
    const held = [...container.querySelectorAll('[data-held]')];
    if (held.length === 0) return;
    setTimeout(() => {
      const unchanged = held.filter((slider) => !timers.has(slider) && !slider.matches(':active'));
      for (const slider of unchanged) release(slider);
      if (unchanged.length > 0) released();
    }, changeWithinMs);
  }
  for (const type of ['pointerup', 'pointercancel', 'keyup', 'focusout'])
    document.addEventListener(type, releaseUnchanged);

  function release(slider) {
    timers.delete(slider);
    delete slider.dataset.held;
  }
}
