/** Preloaded into the actions of a control: what they print goes to a file, too. See `said` in act.ts. */
import { appendFileSync } from 'node:fs';

const { SAID } = process.env;
for (const stream of [process.stdout, process.stderr]) {
  const write = stream.write.bind(stream);
  stream.write = (chunk, ...rest) => {
    appendFileSync(`${SAID}`, chunk);
    return write(chunk, ...rest);
  };
}
