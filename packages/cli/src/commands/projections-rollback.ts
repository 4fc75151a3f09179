import { rollbackProjection } from '@tidemark/projections'
import { configureSwitch } from './switch-tables.js'

export const configureProjectionsRollback = configureSwitch({
  ...{ action: 'rollback', status: 'previous', bringLive: rollbackProjection },
})
