process.env.STATE_stage = 'main'
await import('./index.js')
