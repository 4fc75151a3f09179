import type { Mutant } from '../experiment.js'

/** Puts what the server knows of an error into the answer. */
export const errorsTellEverything: Mutant = {
  name: 'errors-tell-everything',
  defect: 'answers hold the stack of what went wrong',
  experiment: 'bad-requests',
  caughtBy: ['requirements'],
  changeServer: (app) =>
    void app.addHook('onSend', async (_request, reply, payload) =>
      reply.statusCode >= 400 && typeof payload === 'string' ? `${payload}\n${new Error('as thrown').stack}` : payload,
    ),
}
