'use strict';
// What both pages begin with, the report (page_script.js) and the live page (live_feed.js): nodes,
// and the theme, which the browser remembers for both.

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}
document.documentElement.classList.add('js');
const SVG = 'http://www.w3.org/2000/svg';

// ---- theme ----

function rememberedTheme(theme) {
  // storage may be refused for a page from disk
  try {
    if (theme === undefined) return localStorage.getItem('cadre-theme');
    localStorage.setItem('cadre-theme', theme);
  } catch {
    /* the choice lasts as long as the page */
  }
  return null;
}
const themes = ['auto', 'light', 'dark'];
function setTheme(button, theme) {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  button.textContent = { auto: '◐ auto', light: '○ light', dark: '● dark' }[theme];
  button.setAttribute('aria-label', `Colours: ${theme}. Change`);
  button.onclick = () => {
    const next = themes[(themes.indexOf(theme) + 1) % themes.length];
    setTheme(button, next);
    rememberedTheme(next);
  };
}
function openTheme(button) {
  const theme = rememberedTheme();
  setTheme(button, themes.includes(theme) ? theme : 'auto');
}
