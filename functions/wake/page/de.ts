import type { Words } from './words.ts'

export const de: Words = {
  language: 'de',
  direction: 'ltr',
  waking: 'Wacht gerade auf',
  lead: 'Niemand hat die Instanz benutzt, darum schlief sie. Sie öffnet sich hier von selbst, sobald sie bereit ist.',
  usual: 'Das dauert meist etwa {n} Sekunden.',
  slow: 'Das dauert länger als sonst. Es geht aber weiter.',
  stopping: 'Sie ist gerade erst eingeschlafen. Sobald das fertig ist, startet sie wieder.',
  noscript: 'Diese Seite lädt sich alle paar Sekunden selbst neu.',
  steps: {
    scheduled: 'Platz suchen',
    pulling: 'Software holen',
    starting: 'Starten',
    database: 'Datenbank öffnen',
    ready: 'Bereit',
  },
  failed: 'Der Start gelingt gerade nicht',
  again: 'Noch einmal versuchen',
  next: 'In {n} kann es wieder versucht werden.',
  tell: 'Wenn es so bleibt, nennen Sie Ihrer Verwaltung dieses Wort:',
  causes: {
    unschedulable: {
      what: 'Im Moment ist keine Kapazität frei.',
      advice: 'Wenn möglich, wird gerade mehr bereitgestellt. Nichts geht verloren; bitte warten Sie etwas.',
    },
    volume: {
      what: 'Der Speicher lässt sich nicht einbinden.',
      advice: 'Ihre Daten sind nicht betroffen. Die Verwaltung muss den Speicher prüfen.',
    },
    quota: {
      what: 'Die Ressourcen des Tarifs würden überschritten.',
      advice: 'Die Verwaltung kann andere Arbeiten dieser Instanz beenden oder den Tarif ändern.',
    },
    refused: { what: 'Die Plattform lehnt den Start ab.', advice: 'Die Verwaltung kann dort den Grund lesen.' },
    'image-pull': {
      what: 'Die Software lässt sich nicht holen.',
      advice: 'Die Ablage ist nicht erreichbar oder die Version gibt es nicht. Die Verwaltung kann es sehen.',
    },
    'crash-loop': {
      what: 'Sie startet und endet sofort wieder.',
      advice: 'Oft liegt es an einem Modul oder an der Konfiguration. Die Verwaltung findet es im Protokoll.',
    },
    'out-of-memory': {
      what: 'Sie braucht mehr Arbeitsspeicher, als der Tarif erlaubt.',
      advice: 'Die Verwaltung kann einen größeren Tarif wählen oder Module entfernen.',
    },
    configuration: {
      what: 'Ein Teil der Konfiguration fehlt.',
      advice: 'Die Verwaltung muss sie vervollständigen.',
    },
    database: {
      what: 'Ihre Datenbank lässt sie nicht hinein.',
      advice:
        'Ihre Daten sind nicht betroffen. Der Datenbankserver ist nicht erreichbar oder lehnt ab; die Verwaltung kann es sehen.',
    },
    timeout: {
      what: 'Sie wurde gestartet, antwortet aber nicht.',
      advice: 'Sie kann noch kommen: Diese Seite sieht weiter nach. Wenn nicht, steht der Grund im Protokoll.',
    },
    'api-server': {
      what: 'Die Plattform kann gerade nichts starten.',
      advice: 'Bitte versuchen Sie es in einer Minute noch einmal.',
    },
  },
  suspended: {
    what: 'Diese Seite pausiert',
    advice: 'Sie wurde ausgesetzt. Nichts ist verloren. Wenn sie Ihnen gehört, weiß Ihr Anbieter, wie es weitergeht.',
  },
  disabled: { what: 'Hier ist nichts', advice: 'Diese Seite ist nicht verfügbar.' },
  limited: {
    what: 'Gerade zu oft',
    advice:
      'Aus Ihrem Netz wurde diese Seite öfter geweckt, als Menschen es tun. Bitte versuchen Sie es etwas später noch einmal.',
  },
  starting: { what: 'Einen Moment', advice: 'Wir starten gerade. Diese Seite lädt sich selbst neu.' },
}
