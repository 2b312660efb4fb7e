/** Making elements: text goes in as text, never as markup. */

/** An element with attributes and children. */
export function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string>> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...children);
  return element;
}

/** Keep Tab and Shift+Tab among the elements of `area` that can have the focus. */
export function keepFocus(event: KeyboardEvent, area: HTMLElement, focused: Element | null): void {
  const stops = [...area.querySelectorAll<HTMLElement>("button, a[href], textarea, [tabindex='0']")];
  const [first, last] = [stops[0], stops.at(-1)];
  if (focused !== (event.shiftKey ? first : last)) return;
  event.preventDefault();
  (event.shiftKey ? last : first)?.focus();
}
