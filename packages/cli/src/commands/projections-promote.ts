import { promoteProjection } from '@tidemark/projections'
import { configureSwitch } from './switch-tables.js'

export const configureProjectionsPromote = configureSwitch({
  ...{ action: 'promote', status: 'built', bringLive: promoteProjection },
})
