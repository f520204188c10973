// Elements. Texts from the server are only ever set as text, never as markup.

export const byId = (id) => document.getElementById(id);

/** Creates an element with attributes and children; a child that is a string becomes text. */
export function element(name, attributes = {}, ...children) {
  const created = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    created.setAttribute(attribute, value);
  }
  created.append(...children);
  return created;
}

/** Sets a text only if it differs, so that an unchanged number costs no layout. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/** A text for screen readers only. */
export function unseen(text) {
  return element("span", { class: "unseen" }, text);
}

/** Tracks which elements are on the screen, and calls `onShown` when one comes into view. */
export class Visibility {
  #shown = new WeakSet();
  /** Set while the page is printed, which shows all elements. */
  showsAll = false;

  constructor(onShown) {
    this.observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) this.#shown.add(target);
        else this.#shown.delete(target);
      }
      if (entries.some((entry) => entry.isIntersecting)) onShown();
    }, { rootMargin: "100px" });
  }

  watch(node) {
    this.observer.observe(node);
  }

  forget(node) {
    this.observer.unobserve(node);
  }

  has(node) {
    return this.showsAll || this.#shown.has(node);
  }
}
