import type { Mutant } from '../experiment.js'

/** Takes the key from every command before anybody looks at it: one that is sent again is another one. */
export const commandsWithoutKeys: Mutant = {
  name: 'commands-without-keys',
  defect: 'the server forgets the Idempotency-Key',
  experiment: 'killed-servers',
  caughtBy: ['requirements'],
  changeServer: (app) =>
    void app.addHook('onRequest', async ({ headers }) => {
      delete headers['idempotency-key']
    }),
}
