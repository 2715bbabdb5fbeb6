/** The items in their order, in parts of `most` items and a last one of the rest. */
export function partsOf<T>(items: T[], most: number): T[][] {
  const count = Math.ceil(items.length / most);
  return Array.from({ length: count }, (_, part) => items.slice(part * most, (part + 1) * most));
}
