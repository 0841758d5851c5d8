/** Whether suites that repeat the same under load do it as often as a proof asks for, and not as often as fits into CI. */
export const isLong = process.env['SWITCHYARD_TESTS'] === 'long'
