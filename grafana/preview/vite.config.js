import {copyFileSync, cpSync, mkdirSync} from 'node:fs';
import react from '@vitejs/plugin-react';

/** Beside the page: the dashboards that are shipped, and Grafana's font, where Grafana's styles look for it. */
const beside = {
  name: 'beside',
  closeBundle() {
    cpSync('../dashboards', 'dist', {recursive: true});
    mkdirSync('dist/public/fonts/inter', {recursive: true});
    for (const [weight, name] of [[400, 'Regular'], [500, 'Medium']]) {
      copyFileSync(`node_modules/@fontsource/inter/files/inter-latin-${weight}-normal.woff2`, `dist/public/fonts/inter/Inter-${name}.woff2`);
    }
  },
};

export default {
  plugins: [react(), beside],
  publicDir: false,
  define: {'process.env': {}},
  build: {minify: false, chunkSizeWarningLimit: 99999},
  logLevel: 'error',
};
