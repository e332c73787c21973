/**
 * A job summary as GitHub shows it: GitHub-flavoured Markdown, sanitized, its Mermaid charts drawn by a real browser.
 * GitHub's allow-list of elements and attributes is what rehype-sanitize has as its default.
 */

import { accessSync, constants, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { micromark } from 'micromark';
import { gfm, gfmHtml } from 'micromark-extension-gfm';
import { chromium, type Page } from 'playwright-core';
import { rehype } from 'rehype';
import rehypeSanitize from 'rehype-sanitize';

const { resolve } = createRequire(import.meta.url);

export type Theme = 'light' | 'dark';

/** GitHub's column at a desktop's width. */
export const WIDTH = 1012;

/** Debian's browser. undefined: there is none on this machine. */
export const CHROMIUM = (process.env.PATH ?? '')
  .split(delimiter)
  .map((directory) => join(directory, 'chromium'))
  .find(isExecutable);

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export function toHtml(markdown: string): string {
  const html = micromark(markdown, {
    allowDangerousHtml: true,
    extensions: [gfm()],
    htmlExtensions: [gfmHtml()],
  });
  const clean = rehype().data('settings', { fragment: true }).use(rehypeSanitize).processSync(html);
  return String(clean).replace(
    /<pre><code class="language-mermaid">([\s\S]*?)<\/code><\/pre>/g,
    '<div class="mermaid">$1</div>',
  );
}

const frame = (article: string) => {
  const css = readFileSync(resolve('github-markdown-css/github-markdown.css'), 'utf8');
  return `<!DOCTYPE html><meta charset="utf-8"><style>${css} body { margin: 0 } article { padding: 24px }</style>
     <article class="markdown-body">${article}</article>`;
};

/** A page that a person opens in a browser of this machine. */
export function standalonePage(markdown: string): string {
  const script = pathToFileURL(resolve('mermaid/dist/mermaid.min.js'));
  return `${frame(toHtml(markdown))}<script src="${script}"></script>
     <script>mermaid.run({ querySelector: '.mermaid' })</script>`;
}

export interface Screen extends AsyncDisposable {
  page: Page;
  /** Shows a summary, and answers what the browser complains of. */
  show(markdown: string, theme?: Theme): Promise<string[]>;
}

export async function openScreen(): Promise<Screen> {
  if (CHROMIUM === undefined) throw new Error('chromium is not installed');
  // In a container the tests are root, for whom Chromium has no sandbox. It is shown nothing from a network.
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  const page = await browser.newPage({ viewport: { width: WIDTH, height: 600 } });
  let complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.setContent(frame(''));
  await page.addScriptTag({ path: resolve('mermaid/dist/mermaid.min.js') });
  return {
    page,
    async show(markdown, theme = 'light') {
      complaints = [];
      await page.emulateMedia({ colorScheme: theme });
      await page.evaluate(`
        document.querySelector('article').innerHTML = ${JSON.stringify(toHtml(markdown))};
        mermaid.initialize({ startOnLoad: false, securityLevel: 'strict', theme: '${theme === 'dark' ? 'dark' : 'default'}' });
        mermaid.run({ querySelector: '.mermaid' });
      `);
      return complaints;
    },
    async [Symbol.asyncDispose]() {
      await browser.close();
    },
  };
}
