/** Recognises answers that are not from the service but from a firewall, a sign-in page or another host. */

import { oneLine } from '../model/markdown.ts';
import type { HttpResponse } from './wire.ts';

const REDIRECTS = [301, 302, 303, 307, 308];

/** Whether something other than the service answered. Neither API sends HTML pages, and only a renamed repository answers with a redirect. */
export function isIntercepted(response: HttpResponse): boolean {
  return isPage(response) || isRedirect(response);
}

export function isRedirect({ status }: Pick<HttpResponse, 'status'>): boolean {
  return REDIRECTS.includes(status);
}

export function isPage({ body, headers }: HttpResponse): boolean {
  return /\bhtml\b/i.test(headers['content-type'] ?? '') || /^\s*<(!doctype|html|head|body)\b/i.test(body);
}

/** Describes what answered in place of the service. undefined if the answer may be the service's own. */
export function describeInterceptor(response: HttpResponse): string | undefined {
  if (isRedirect(response)) {
    const { location = '' } = response.headers;
    return URL.canParse(location) ? `a redirect to ${oneLine(new URL(location).host)}` : 'a redirect';
  }
  if (!isPage(response)) return undefined;
  const title = oneLine(/<title[^>]*>([^<]*)/i.exec(response.body)?.[1]).slice(0, 100);
  return title === '' ? 'an HTML page' : `an HTML page, "${title}"`;
}
