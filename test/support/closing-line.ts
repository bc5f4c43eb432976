import type { Reporter, TestModule } from 'vitest/node';

/** Ends a run with one plain line, `N passed, N failed`. Errors outside any test count as failures too. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[], reason: string): void {
    const { passed, failed } = count(modules);
    const other = errors.length + modules.filter(failedToLoad).length;
    const unexplained = reason === 'failed' && failed + other === 0 ? 1 : 0;
    process.stdout.write(`${passed} passed, ${failed + other + unexplained} failed\n`);
  }
}

function count(modules: readonly TestModule[]): { passed: number; failed: number } {
  const states = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state));
  return {
    passed: states.filter((state) => state === 'passed').length,
    failed: states.filter((state) => state === 'failed').length,
  };
}

function failedToLoad(module: TestModule): boolean {
  return module.errors().length > 0;
}
