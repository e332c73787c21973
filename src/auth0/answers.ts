/** Turns unexpected answers of Auth0, and missing ones, into errors (docs/facts.md#auth0-errors). */

import { RotationError } from '../errors.ts';
import { describeInterceptor } from '../http/intercepted.ts';
import { noAnswer } from '../http/no-answer.ts';
import type { OnUncertain, Repeatable } from '../http/retry.ts';
import type { Service } from '../http/service.ts';
import { type HttpRequest, type HttpResponse, NetworkError } from '../http/wire.ts';
import { parseJson, stringOf } from '../model/json.ts';
import { oneLine } from '../model/markdown.ts';

/** Sends a request to Auth0. @throws RotationError AUTH0_REQUEST_FAILED if there was no answer */
export async function callAuth0(
  service: Service,
  request: HttpRequest,
  repeatable: Repeatable,
  onUncertain?: OnUncertain,
): Promise<HttpResponse> {
  return answered(request, () => service.call(request, repeatable, onUncertain));
}

/** Turns a call without an answer into an error. @throws RotationError AUTH0_REQUEST_FAILED */
export async function answered(
  { method, url }: Pick<HttpRequest, 'method' | 'url'>,
  call: () => Promise<HttpResponse>,
): Promise<HttpResponse> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    const remedy = 'Check auth0-domain, mtls-domain and the network of the runner, then start a new run.';
    throw new RotationError('AUTH0_REQUEST_FAILED', {
      ...noAnswer({ method, url }, error, remedy),
      cause: error,
    });
  }
}

/**
 * Throws for a refusal that any call can meet. The caller handles every other status.
 * @param call method and path, for the message
 * @throws RotationError AUTH0_UNAUTHORIZED, AUTH0_FORBIDDEN, CLIENT_NOT_FOUND, AUTH0_REQUEST_FAILED for an intercepted answer
 */
export function throwIfRefused(response: HttpResponse, call: string): void {
  if (response.status < 500) throwIfIntercepted(response, call);
  const message = oneLine(stringOf(parseJson(response), 'message'));
  if (response.status === 401) {
    throw new RotationError('AUTH0_UNAUTHORIZED', {
      failed: `Auth0 refused the Management API token at ${call} (401${message && `: ${message}`}).`,
      remedy:
        'If you pass management-token, which expires, pass management-client-id with one of its credentials instead. With a custom domain, set management-audience to https://<tenant host>/api/v2/.',
    });
  }
  if (response.status === 403) {
    throw new RotationError('AUTH0_FORBIDDEN', {
      failed: `The management client is not allowed to call ${call} (403${message && `: ${message}`}).`,
      remedy: call.endsWith('/logs')
        ? 'Grant it read:logs on the Management API, or set retire: by-time.'
        : `In the Auth0 Dashboard, open Applications, APIs, Auth0 Management API, Machine to Machine Applications, and grant it read:clients, update:clients and read:, create:, update: and delete:client_credentials.${ofCreation(call)}`,
    });
  }
  if (response.status === 404 && stringOf(parseJson(response), 'errorCode') === 'inexistent_client') {
    throw new RotationError('CLIENT_NOT_FOUND', {
      failed: `Auth0 knows no client at ${call} (404${message && `: ${message}`}).`,
      remedy:
        'Check client-id: copy it from the Auth0 Dashboard (Applications, the client, Settings, Client ID). And check that auth0-domain is the tenant of that client.',
    });
  }
}

/** `create` also makes a client, and deletes it again if the run fails. */
function ofCreation(call: string): string {
  return /^POST \S+\/clients$|^DELETE \S+\/clients\/[^/]+$/.test(call)
    ? ' operation: create also needs create:clients and delete:clients.'
    : '';
}

/** If something else answered instead of Auth0, it is unknown whether the request reached Auth0. @throws RotationError AUTH0_REQUEST_FAILED */
function throwIfIntercepted(response: HttpResponse, call: string): void {
  const what = describeInterceptor(response);
  if (what === undefined) return;
  throw new RotationError('AUTH0_REQUEST_FAILED', {
    failed: `The answer to ${call} (${response.status}) is not Auth0's own: it is ${what}.`,
    remedy:
      'Look for a firewall, a proxy or a sign-in page between the runner and Auth0 and let it pass these requests, and check auth0-domain.',
    cause: new NetworkError('FOREIGN_ANSWER', 'unknown'),
  });
}

/** The answer says nothing about the request: the service, or something before it, is down or busy. */
export function isOutage({ status }: Pick<HttpResponse, 'status'>): boolean {
  return status >= 500 || status === 408 || status === 429;
}

/**
 * The error for an answer outside Auth0's contract, such as HTML, truncated JSON or an unexpected status.
 * @param interceptor what answered in place of Auth0, if something did
 */
export function unexpectedAnswer(
  url: string,
  response: HttpResponse,
  interceptor = describeInterceptor(response),
): RotationError {
  const body = parseJson(response);
  const said = oneLine(
    stringOf(body, 'message') ?? stringOf(body, 'error_description') ?? stringOf(body, 'error'),
  );
  const what = interceptor ?? (said || `${response.body.length} characters in an unexpected form`);
  const tryAgain =
    'Start a new run. If that does not help, look at the debug log and at the status page of Auth0.';
  const checkHost =
    'Check that this host belongs to Auth0 (auth0-domain, mtls-domain), and that no firewall, proxy or sign-in page answers instead.';
  // A page with such a status may come from Auth0's own infrastructure.
  const remedy =
    isOutage(response) && interceptor ? `${tryAgain} ${checkHost}` : interceptor ? checkHost : tryAgain;
  return new RotationError('AUTH0_REQUEST_FAILED', {
    failed: `${new URL(url).host} gave an answer that cannot be used (${response.status}: ${what}).`,
    remedy,
  });
}
