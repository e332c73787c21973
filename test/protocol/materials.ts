/** Real keys and certificates, made once: RSA is slow, and every world uses each pair once (invariant I7). */

import { createPrivateKey, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { pkcs8 } from '../../src/certificate/inspect.ts';
import { generateKey, issueCertificate } from '../../src/certificate/issue.ts';
import type { CertifiedPair } from '../../src/model/key-pair.ts';
import { type CertificateContent, parseX509Certificate } from '../emulators/tenant-credentials.ts';

/** When every world begins: virtual, whole seconds. */
export const BASE = Date.parse('2026-03-01T00:00:00Z');
const DAY = 86_400_000;
export const SUBJECT = 'CN=explored';

export interface Material {
  label: string;
  key: KeyObject;
  /** Self-signed, by subject: the common one, one of its own, and what else was asked for. */
  certified: Map<string, CertifiedPair>;
  made: { at: number; days: number };
  /** A line of the private key that occurs nowhere else. */
  secretLine: string;
}

/** Certificates of starting states: H by hand, C and P ours, N abandoned, D due, X and Y expired, F foreign, O another owner's. */
const SEEDS: Readonly<Record<string, { age: number; days: number }>> = {
  H1: { age: 40, days: 90 },
  H2: { age: 20, days: 90 },
  P1: { age: 35, days: 90 },
  C1: { age: 10, days: 90 },
  N1: { age: 1, days: 90 },
  D1: { age: 80, days: 90 },
  H3: { age: 2, days: 90 },
  X1: { age: 91, days: 90 },
  Y1: { age: 95, days: 90 },
  F1: { age: 50, days: 90 },
  O1: { age: 15, days: 90 },
};
/** What one world's runs can issue at most. */
const FRESH = 8;

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
  const kept = keptMaterials();
  const make = async (label: string, at: number, days: number) =>
    kept.get(label) ?? (await material(label, at, days));
  const seeds = new Map<string, Material>();
  for (const [label, { age, days }] of Object.entries(SEEDS)) {
    seeds.set(label, await make(label, BASE - age * DAY, days));
  }
  const fresh: Material[] = [];
  for (let index = 1; index <= FRESH; index += 1) fresh.push(await make(`R${index}`, BASE, 90));
  const all = [...seeds.values(), ...fresh];
  keep(all);
  return { seeds, fresh, all };
}

/** A file that keeps them for other processes: for the test files of a run, and where each of many mutants is judged by them (`npm run mutation`). */
const KEPT = process.env.MATERIALS_FILE ?? '';

function keptMaterials(): Map<string, Material> {
  if (!existsSync(KEPT)) return new Map();
  const all = JSON.parse(readFileSync(KEPT, 'utf8')) as (Omit<Material, 'key' | 'certified'> & {
    key: string;
    certified: [string, CertifiedPair][];
  })[];
  return new Map(
    all.map((one) => [
      one.label,
      { ...one, key: createPrivateKey(one.key), certified: new Map(one.certified) },
    ]),
  );
}

function keep(all: readonly Material[]): void {
  if (KEPT === '' || existsSync(KEPT)) return;
  const kept = all.map((one) => ({ ...one, key: pkcs8(one.key), certified: [...one.certified] }));
  // Another process may be about to read it.
  writeFileSync(`${KEPT}.${process.pid}`, JSON.stringify(kept));
  renameSync(`${KEPT}.${process.pid}`, KEPT);
}

async function material(label: string, at: number, days: number): Promise<Material> {
  const key = await generateKey(2048);
  const made = { at, days };
  const one = { label, key, certified: new Map<string, CertifiedPair>(), made, secretLine: '' };
  await certify(one, `CN=${label}`);
  const { privateKey } = await certify(one, SUBJECT);
  return { ...one, secretLine: privateKey.split('\n')[6] ?? '' };
}

/** Its key with a certificate of that subject, made once. */
export async function certify(
  { certified, key, made }: Pick<Material, 'certified' | 'key' | 'made'>,
  subject: string,
): Promise<CertifiedPair> {
  const pair =
    certified.get(subject) ?? (await issueCertificate(key, { subject, validityDays: made.days }, made.at));
  certified.set(subject, pair);
  return pair;
}

const parsed = new Map<string, CertificateContent>();

/** The tenant's parser, remembered by PEM. */
export function parseOnce(pem: string): CertificateContent {
  const known = parsed.get(pem) ?? parseX509Certificate(pem);
  parsed.set(pem, known);
  return known;
}
