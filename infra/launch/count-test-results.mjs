/** Sums up a report of vitest's json reporter in one line. */
import { readFileSync } from 'node:fs';

/** For example `12 passed, 0 failed, 1 skipped`; undefined without a report. */
export function countResults(reportPath) {
  let report;
  try {
    report = JSON.parse(readFileSync(reportPath, 'utf8'));
  } catch {
    return undefined;
  }
  const skippedCount = report.numPendingTests + report.numTodoTests;
  const failedCount = report.numFailedTests + report.testResults.filter(hasFailedWithoutTests).length;
  const skipped = skippedCount > 0 ? `, ${skippedCount} skipped` : '';
  return `${report.numPassedTests} passed, ${failedCount} failed${skipped}`;
}

/** A file that could not be loaded, or whose hooks failed, has no failed test; it counts as one. */
function hasFailedWithoutTests(file) {
  return file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed');
}
