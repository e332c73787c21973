/** Real keys and certificates, made once: RSA is slow, and every world uses each pair once (invariant I7). */

import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { type CertifiedPair, inspect } from '../../src/certificate/inspect.ts';
import { generateKey, issueCertificate } from '../../src/certificate/issue.ts';
import { type CertificateContent, parseX509Certificate } from '../sandbox/tenant-credentials.ts';

/** When every world begins: virtual, whole seconds. */
export const BASE = Date.parse('2026-03-01T00:00:00Z');
const DAY = 86_400_000;
export const SUBJECT = 'CN=explored';

export interface Material {
  label: string;
  pair: CertifiedPair;
  key: KeyObject;
  thumbprint: string;
  /** A line of the private key that occurs nowhere else. */
  secretLine: string;
}

/** Certificates of starting states: H by hand, C and P ours, N abandoned, D due, X expired, F foreign, O another owner's. */
const SEEDS: Readonly<Record<string, { age: number; days: number }>> = {
  H1: { age: 40, days: 90 },
  H2: { age: 20, days: 90 },
  P1: { age: 35, days: 90 },
  C1: { age: 10, days: 90 },
  N1: { age: 1, days: 90 },
  D1: { age: 80, days: 90 },
  X1: { age: 91, days: 90 },
  F1: { age: 50, days: 90 },
  O1: { age: 15, days: 90 },
};
/** What one world's runs can issue at most. */
const FRESH = 6;

export interface Materials {
  seeds: ReadonlyMap<string, Material>;
  fresh: readonly Material[];
  all: readonly Material[];
}

let made: Promise<Materials> | undefined;

export function materials(): Promise<Materials> {
  made ??= makeMaterials();
  return made;
}

async function makeMaterials(): Promise<Materials> {
  const seeds = new Map<string, Material>();
  for (const [label, { age, days }] of Object.entries(SEEDS)) {
    seeds.set(label, await material(label, BASE - age * DAY, days));
  }
  const fresh: Material[] = [];
  for (let index = 1; index <= FRESH; index += 1) fresh.push(await material(`R${index}`, BASE, 90));
  return { seeds, fresh, all: [...seeds.values(), ...fresh] };
}

async function material(label: string, now: number, validityDays: number): Promise<Material> {
  const key = await generateKey(2048);
  const pair = await issueCertificate(key, { subject: SUBJECT, validityDays }, now);
  const { thumbprint } = inspect(pair.certificate);
  return { label, pair, key, thumbprint, secretLine: pair.privateKey.split('\n')[6] ?? '' };
}

const parsed = new Map<string, CertificateContent>();

/** The tenant's parser, remembered by PEM. */
export function parseOnce(pem: string): CertificateContent {
  const known = parsed.get(pem) ?? parseX509Certificate(pem);
  parsed.set(pem, known);
  return known;
}

/** What a secret's value is worth: read as a consumer reads it. */
export interface Held {
  /** x5t#S256 of its certificate, or of the one whose key it holds. */
  thumbprint: string | undefined;
  /** Key and certificate belong together (where both are there). */
  consistent: boolean;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/;
const KEY = /-----BEGIN PRIVATE KEY-----[\s\S]+?-----END PRIVATE KEY-----/;
const read = new Map<string, Held>();

export function readHeld(value: string, known: readonly Material[]): Held {
  const before = read.get(value);
  if (before) return before;
  const certificate = CERTIFICATE.exec(value)?.[0];
  const key = KEY.exec(value)?.[0];
  const byKey = key && known.find(({ pair }) => samePublic(pair.privateKey, key))?.thumbprint;
  const thumbprint = certificate ? parseOnce(certificate).thumbprint : byKey;
  const consistent = !certificate || !key || belongs(certificate, key);
  const held = { thumbprint, consistent };
  read.set(value, held);
  return held;
}

function belongs(certificate: string, key: string): boolean {
  return new X509Certificate(certificate).publicKey.equals(createPublicKey(key));
}

function samePublic(one: string, other: string): boolean {
  return createPublicKey(one).equals(createPublicKey(other));
}
