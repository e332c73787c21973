// Run before the tests, in words that every Node understands: an older one cannot even read them.
const floor = 24;

if (Number.parseInt(process.versions.node, 10) < floor) {
  console.error(
    `The tests run on Node ${floor} or newer, and this is Node ${process.versions.node}: npm ci, on Node 20 or newer, installs the right one and npm test takes it.`,
  );
  process.exit(1);
}
