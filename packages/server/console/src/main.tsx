import '@cliscale/react/styles.css'
import './styles/index.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './App.tsx'
import { Directory } from './state/directory.ts'
import { takeLoginCode } from './state/login-code.ts'
import { applyTheme } from './state/theme.ts'

applyTheme()
const code = takeLoginCode()
const root = document.getElementById('root')
if (root === null) throw new Error('The page has no element for the console.')
createRoot(root).render(
  <StrictMode>
    <App directory={new Directory()} code={code} />
  </StrictMode>,
)
