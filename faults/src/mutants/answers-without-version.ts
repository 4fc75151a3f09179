import type { Mutant } from '../experiment.js'

/** Leaves out of commands' answers what the document promises. */
export const answersWithoutVersion: Mutant = {
  name: 'answers-without-version',
  defect: 'the answer of a command lacks the version that its document promises',
  experiment: 'fuzzed-document',
  caughtBy: ['requirements'],
  changeServer: (app) =>
    void app.addHook('onSend', async (_request, _reply, payload) =>
      typeof payload === 'string' ? payload.replace('"version":', '"verison":') : payload,
    ),
}
