/** Finds the proxy for a request. It reads the environment as curl does. In NO_PROXY it also supports ports, `*.example.com` and `*` in a
 * list, as Go does. No library does all that. proxy-from-env and undici's EnvHttpProxyAgent support neither CIDR nor a suffix without
 * a dot, and misread a value without a scheme.
 */

import { BlockList, isIP } from 'node:net';
import { RotationError } from '../errors.ts';

export interface ProxyServer {
  /** The environment variable that names it. */
  variable: string;
  /** Without user and password. */
  origin: string;
  /** Value of `Proxy-Authorization`. */
  authorization: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy variables of each scheme. The first one that is not empty counts, as in curl (libcurl-env). An upper-case HTTP_PROXY is
 * ignored, since a CGI server sets it from a header.
 */
const VARIABLES: Readonly<Record<string, readonly string[]>> = {
  'https:': ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'],
  'http:': ['http_proxy', 'all_proxy', 'ALL_PROXY'],
};

/**
 * The proxy for an address. undefined for a direct connection.
 * @throws RotationError INVALID_INPUT if the variable names no usable proxy
 */
export function findProxy(environment: Environment, url: URL): ProxyServer | undefined {
  const variable = VARIABLES[url.protocol]?.find((name) => environment[name]);
  if (variable === undefined || isExempt(url, environment.no_proxy || environment.NO_PROXY || ''))
    return undefined;
  return parse(variable, environment[variable] ?? '');
}

const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;

/** Messages show no part of the value, since it may belong to a password. */
function parse(variable: string, value: string): ProxyServer {
  const text = value.trim();
  const address = SCHEME.test(text) ? text : `http://${text}`;
  if (!URL.canParse(address)) throw unusable(variable, 'is not host:port or a URL');
  const { hash, host, password, pathname, protocol, search, username } = new URL(address);
  if (protocol !== 'http:' && protocol !== 'https:')
    throw unusable(variable, 'names a kind of proxy that the action cannot use; it can use http and https');
  // An unescaped character in the password ends the address, and the URL parser takes the rest for something else.
  if (`${pathname}${search}${hash}`.includes('@'))
    throw unusable(variable, 'has a character in its password that ends the address');
  const login = `${decoded(username)}:${decoded(password)}`;
  const authorization = login === ':' ? undefined : `Basic ${Buffer.from(login).toString('base64')}`;
  return { variable, origin: `${protocol}//${host}`, authorization };
}

function unusable(variable: string, what: string): RotationError {
  return new RotationError('INVALID_INPUT', {
    failed: `The environment variable ${variable} ${what}.`,
    remedy: `Write http://host:port or http://user:password@host:port, with #, /, ?, @ and % of the password as %23, %2F, %3F, %40 and %25.`,
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The secrets to mask, which are the passwords of proxies as given, decoded, and as sent. */
export function proxySecrets(environment: Environment): string[] {
  const names = [...new Set(Object.values(VARIABLES).flat()), 'HTTP_PROXY'];
  const logins = names.flatMap((name) => {
    const text = (environment[name] ?? '').trim().replace(SCHEME, '');
    return text.includes('@') ? [text.slice(0, text.lastIndexOf('@')).trim()] : [];
  });
  const secrets = logins.flatMap((login) => {
    const colon = login.indexOf(':');
    // A user without a password may be a token.
    const secret = login.slice(colon + 1);
    const user = colon < 0 ? '' : login.slice(0, colon);
    const sent = colon < 0 ? `${decoded(secret)}:` : `${decoded(user)}:${decoded(secret)}`;
    return [secret, decoded(secret), Buffer.from(sent).toString('base64')];
  });
  return [...new Set(secrets)].filter((secret) => secret !== '');
}

function isExempt({ hostname, port, protocol }: URL, list: string): boolean {
  const target = {
    host: hostname.replace(/^\[|\]$/g, '').replace(/\.$/, ''),
    port: port || (protocol === 'https:' ? '443' : '80'),
  };
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => matches(entry, target));
}

function matches(entry: string, { host, port }: { host: string; port: string }): boolean {
  if (entry === '*') return true;
  const [, named = '', wanted] = /^(\[.*\]|[^:]*):(\d+)$/.exec(entry) ?? [entry, entry];
  if (wanted !== undefined && wanted !== port) return false;
  const pattern = named.replace(/^\[|\]$/g, '');
  if (isIP(host)) return isWithin(host, pattern);
  const domain = pattern.replace(/^\*?\./, '').replace(/\.$/, '');
  return domain !== '' && (host === domain || host.endsWith(`.${domain}`));
}

/** @param pattern an address, or a network such as 10.0.0.0/8 */
function isWithin(address: string, pattern: string): boolean {
  const [network = '', bits] = pattern.split('/');
  const version = isIP(network);
  if (version === 0) return false;
  const all = version === 4 ? 32 : 128;
  const prefix = bits === undefined ? all : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
  if (prefix < 0 || prefix > all) return false;
  const addresses = new BlockList();
  addresses.addSubnet(network, prefix, version === 4 ? 'ipv4' : 'ipv6');
  return addresses.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
}
