// The built-in rows, for Odoo 14 to 19. A is what no row names: people and API clients at work.
export const classTable = `
# Two calls of an open tab that have a true answer while the instance sleeps.
B:missed-notifications  POST          /bus/has_missed_notifications   # 16-19, after a reconnect
B:version-info          POST          /web/webclient/version_info     # 14-19, when a connection was lost

# What the WebSocket is later: kept waiting while the instance sleeps.
B:long-poll             POST          /longpolling/poll               # 14, 15

# Chatter of open tabs, browsers and visitors of a website.
B                       GET,POST      /websocket                      # 16-19
B                       GET           /websocket/*
B                       GET,POST      /longpolling/*                  # 14, 15: the bus, and who is online
B                       GET,POST      /bus/*
B                       POST          /calendar/notify                # 14-19, by a timer of the tab
B                       POST          /website/update_visitor_last_connection   # 14, 15, by a timer of the page
B                       GET,POST      /web/service-worker.js          # 16-19
B                       GET,POST      /service-worker.js
B                       GET,POST      /web/manifest.webmanifest
B                       GET,POST      /web/manifest
B                       GET           /.well-known/*

# What monitors and crawlers ask for by itself.
B:health                GET,HEAD,POST /web/health                     # 15-19
B:health                GET,HEAD,POST /websocket/health               # 16-19
B:robots                GET,POST      /robots.txt
B:icon                  GET,POST      /favicon.ico
B:icon                  GET,POST      /apple-touch-icon.png
B:icon                  GET,POST      /apple-touch-icon-precomposed.png

# Parts of pages.
C                       GET           /web/assets/*                   # 16-19
C                       GET           /web/content/*-*/*.js           # 14, 15: bundles are attachments
C                       GET           /web/content/*-*/*.css
C                       GET           /web/image
C                       GET           /web/image/*
C                       GET           /*/static/*

# Robots, where they read. A POST of one may be a webhook.
A                       GET           *   user-agent=*cubot?*         # a phone
B:monitor               GET,HEAD      *   user-agent=*uptime*|*pingdom*|*statuscake*|*site24x7*|*betterstack*|*better?stack*|*newrelic*|*datadog*|*hetrixtools*|*freshping*|*checkly*|*kube-probe*|*googlehc*|*elb-healthchecker*|*blackbox*|*nagios*|*check_http*|*zabbix*|*prometheus*
B:crawler               GET,HEAD      *   user-agent=*bot?*|*crawl*|*spider*|*slurp*|*facebookexternalhit*|*whatsapp*|*skypeuripreview*|*linkpreview*|*embedly*|*bingpreview*|*semrush*|*ahrefs*|*mj12*|*dotbot*|*petalbot*|*bytespider*|*gptbot*|*claudebot*|*perplexity*|*archive.org*|*censys*|*zgrab*|*nmap*|*masscan*|*nuclei*

# A page that the browser fetches on a guess: nobody asked for it yet.
B                       GET           *   sec-purpose=*prefetch*
B                       GET           *   purpose=*prefetch*
B                       GET           *   x-moz=*prefetch*

# The question a browser asks before a call of another site; unanswered, the call itself never comes.
A                       OPTIONS       *   access-control-request-method=*
B                       OPTIONS       *
B                       HEAD          *
`
