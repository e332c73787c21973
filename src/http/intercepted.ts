/** Recognises answers that are not from the service but from a firewall, a sign-in page or another host. */

import { isObject, parseJson } from '../model/json.ts';
import { oneLine } from '../model/markdown.ts';
import { isRateLimited } from './rate-limit.ts';
import type { HttpResponse } from './wire.ts';

const REDIRECTS = [301, 302, 303, 307, 308];

/** Whether something other than the service answered. Only a renamed repository answers with a redirect. */
export function isIntercepted(response: HttpResponse): boolean {
  return isForeign(response) || isRedirect(response);
}

/**
 * Whether an answer has a form that neither API uses: an HTML page, or a refusal that is no JSON object (docs/facts.md#auth0-errors,
 * docs/facts.md#github-errors).
 */
export function isForeign(response: HttpResponse): boolean {
  return isPage(response) || isForeignRefusal(response);
}

function isForeignRefusal(response: HttpResponse): boolean {
  const { body, status } = response;
  if (status < 400 || status >= 500 || status === 408 || isRateLimited(response)) return false;
  // It only says that there is nothing, and no source rules out that a service says so itself.
  if (status === 404 && body.trim() === '') return false;
  return !isObject(parseJson(response));
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
  if (!isPage(response)) return isForeignRefusal(response) ? describeText(response.body) : undefined;
  const title = oneLine(/<title[^>]*>([^<]*)/i.exec(response.body)?.[1]).slice(0, 100);
  return title === '' ? 'an HTML page' : `an HTML page, "${title}"`;
}

function describeText(body: string): string {
  if (body.trim() === '') return 'an empty answer';
  // The tags of XML say nothing to people.
  const words = oneLine(body.slice(0, 1_000).replace(/<[^>]*>/g, ' ')).slice(0, 100);
  return words === '' ? 'text instead of JSON' : `text instead of JSON, "${words}"`;
}
