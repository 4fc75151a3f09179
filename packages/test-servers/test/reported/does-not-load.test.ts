// Not a test of this package: see all-outcomes.test.ts.
throw new Error('this file does not load')
