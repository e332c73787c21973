/** One set of keys for all test files of a run of vitest: making one takes each of them some seconds. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export default function setup(): (() => void) | undefined {
  if (process.env.MATERIALS_FILE !== undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'materials-'));
  process.env.MATERIALS_FILE = join(folder, 'materials.json');
  return () => rmSync(folder, { recursive: true });
}
