/** Elements by name, in their order: a text, or elements within. */
export type Elements = { readonly [name: string]: string | Elements };

/** Elements as XML without white space between them. */
export function formatXml(elements: Elements): string {
  return Object.entries(elements)
    .map(([name, inside]) => `<${name}>${typeof inside === "string" ? escapeXml(inside) : formatXml(inside)}</${name}>`)
    .join("");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

/** Characters that XML 1.0 has no place for, such as NUL, become a question mark. */
function escapeXml(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, "?")
    .replaceAll(/[&<>"']/g, (one) => entities[one]!);
}
