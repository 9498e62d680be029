import { useEffect } from 'react'

/**
 * Keeps the focus near where it was: when what has it goes away, the nearest place around it that is marked as a refuge
 * takes it, or the page's main part. Without this, keys and screen readers would start again at the top of the page.
 */
export function useKeepFocus(): void {
  useEffect(() => {
    let around: Element[] = []
    const note = (event: FocusEvent): void => {
      around = event.composedPath().filter((one) => one instanceof Element)
    }
    const look = (): void => {
      // Who clicks beside everything takes the focus from what is still there.
      if (document.activeElement !== document.body || around[0]?.isConnected !== false) return
      const refuge = around.find(
        (one): one is HTMLElement =>
          one instanceof HTMLElement && one.isConnected && one.matches('[data-refuge]'),
      )
      around = []
      ;(refuge ?? document.querySelector<HTMLElement>('main'))?.focus()
    }
    const observer = new MutationObserver(look)
    observer.observe(document.body, { childList: true, subtree: true })
    document.addEventListener('focusin', note)
    return () => {
      observer.disconnect()
      document.removeEventListener('focusin', note)
    }
  }, [])
}
