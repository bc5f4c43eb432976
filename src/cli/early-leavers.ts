/**
 * Whoever reads what the program says may leave early (`holdfast status | head`). What is said then goes nowhere; the
 * work goes on to its end, and the exit status tells of the work.
 */
export function tolerateEarlyLeavers(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', throwUnlessLeft);
}

function throwUnlessLeft(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}
