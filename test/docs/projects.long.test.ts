import { it } from 'vitest';
import { expectEachFileOnce } from './projects.ts';

it('each file of tests is run once', expectEachFileOnce);
