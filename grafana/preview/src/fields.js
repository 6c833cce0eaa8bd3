// What Grafana's application registers when it starts and its npm packages leave out: the properties that field configurations may
// have, and the transformations.
import {
  applyFieldOverrides, createFieldConfigRegistry, standardFieldConfigEditorRegistry, standardTransformers,
  standardTransformersRegistry, transformDataFrame,
} from '@grafana/data';
import {firstValueFrom} from 'rxjs';

const STANDARD = ['unit', 'decimals', 'min', 'max', 'displayName', 'noValue', 'mappings', 'thresholds', 'color', 'links'];
const CUSTOM = [
  'align', 'axisBorderShow', 'axisSoftMax', 'axisCenteredZero', 'axisColorMode', 'axisLabel', 'axisPlacement', 'barAlignment', 'barWidthFactor',
  'cellOptions', 'drawStyle', 'fillOpacity', 'gradientMode', 'hideFrom', 'insertNulls', 'lineInterpolation', 'lineStyle', 'lineWidth',
  'pointSize', 'scaleDistribution', 'showPoints', 'spanNulls', 'stacking', 'thresholdsStyle', 'width',
];

const property = (id, path, isCustom) => ({
  id, path, isCustom, name: id, editor: () => null, override: () => null,
  process: (value) => value, shouldApply: () => true, settings: {},
});

standardFieldConfigEditorRegistry.setInit(() => STANDARD.map((id) => property(id, id, false)));
// One of them is exported under two names.
const transformers = [...new Map(Object.values(standardTransformers).map((one) => [one.id, one])).values()];
standardTransformersRegistry.setInit(() => transformers.map((one) => ({
  id: one.id, aliasIds: one.aliasIds, name: one.name, description: one.description,
  transformation: () => Promise.resolve(one), editor: () => null, imageDark: '', imageLight: '',
})));

const registry = createFieldConfigRegistry({
  useCustomConfig: (builder) => {
    for (const path of CUSTOM) builder.addCustomEditor({...property(path, path, true), id: path, path});
  },
}, 'preview');

export async function transformed(panel, frames) {
  const steps = panel.transformations ?? [];
  if (steps.length === 0) return frames;
  return firstValueFrom(transformDataFrame(steps, frames, {interpolate: (text) => text}));
}

export function configured(panel, frames, theme, timeZone) {
  return applyFieldOverrides({
    data: frames, fieldConfig: panel.fieldConfig, fieldConfigRegistry: registry, theme, timeZone,
    replaceVariables: (text) => text,
  });
}
