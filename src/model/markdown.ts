/** Formats table cells, dates, long texts and what servers say for people. */

/** A table row. A pipe is escaped and a line break becomes a space, since a cell must not break the table. */
export function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replace(/\\*\|/g, '\\|').replace(/[\r\n]+/g, ' ')).join(' | ')} |`;
}

const LONGEST_CODE = 300;

/** A name as code: in a code span nothing is a mention, a link, Markdown or HTML. */
export function code(text: string): string {
  const line = text.replace(/[\x00-\x1f\x7f\u2028\u2029]+/g, ' ').replaceAll('`', "'");
  return `\`${line.length > LONGEST_CODE ? `${line.slice(0, LONGEST_CODE)}…` : line}\``;
}

/** Escapes a sentence, so that a name in it is neither Markdown, HTML nor a mention. */
export function plain(text: string): string {
  return text
    .replace(/[\\`*[\]<>&~|]/g, '\\$&')
    .replace(/[\r\n]+/g, ' ')
    .replaceAll('@', '@\u200b');
}

/** Like `plain`, but keeps code spans, which quote servers. */
export function inert(sentence: string): string {
  const parts = sentence.split(/(`[^`]+`)/);
  return parts.map((part, index) => (index % 2 === 1 ? part : plain(part))).join('');
}

/** Makes server text safe for a message or a log: one short line without workflow commands, HTML, code spans and table cells. `plain` and `inert` escape the rest of Markdown. */
export function oneLine(text: string | undefined): string {
  const line = [...(text ?? '')].map((char) => (char < ' ' || char === '\x7f' ? ' ' : char)).join('');
  const safe = line
    .replace(/[<>`|]|::|##\[/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return safe.length > 300 ? `${safe.slice(0, 300)}…` : safe;
}

export function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** Uses non-breaking hyphens, since a date would break in a narrow column. */
export function unbroken(at: number): string {
  return day(at).replaceAll('-', '\u2011');
}

const LONG_DAY = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' });

/** 24 January 2027, for headlines. */
export function longDay(at: number): string {
  return LONG_DAY.format(at);
}

export function iso(at: number | undefined): string {
  return at === undefined || !Number.isFinite(at) ? '' : new Date(at).toISOString();
}

/** GitHub does not show a summary above 1 MiB, so long texts are shortened. */
const LONGEST_TEXT = 10_000;
const LONGEST_LIST = 300_000;

export function shortened(text: string): string {
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT)}… (shortened)`;
}

/**
 * Keeps the first lines and the last one, which people must read.
 * @param rest says how many are left out
 */
export function shortenedList(
  lines: readonly string[],
  rest: (count: number) => string,
  longest = LONGEST_LIST,
): readonly string[] {
  let left = longest;
  const overflow = lines.findIndex((line) => {
    left -= Buffer.byteLength(line) + 1;
    return left < 0;
  });
  if (overflow < 0 || overflow === lines.length - 1) return lines;
  return [...lines.slice(0, overflow), rest(lines.length - overflow - 1), ...lines.slice(-1)];
}
