/** Cells and dates of what people read. */

/** A cell must not break the table. */
export function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replace(/[\r\n]+/g, ' ')).join(' | ')} |`;
}

export function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

export function iso(at: number | undefined): string {
  return at === undefined || !Number.isFinite(at) ? '' : new Date(at).toISOString();
}
