import { createRouter, createWebHistory, type Router, type RouteRecordRaw } from 'vue-router'

/**
 * Every path that the app answers. The edge serves the page for all of them (`edge/pages.py`), each view is a chunk
 * of its own, and what a view needs in the address is in the path, so that any of them can be linked to.
 */
export const routes: RouteRecordRaw[] = [
  { path: '/sign-in', name: 'sign-in', component: () => import('@/views/SignInView.vue') },
  { path: '/', name: 'home', component: () => import('@/views/MessagingView.vue') },
  { path: '/c/:conversation/:seq(\\d+)?', name: 'conversation', component: () => import('@/views/MessagingView.vue') },
  { path: '/admin/quarantine', name: 'quarantine', component: () => import('@/views/QuarantineView.vue') },
  { path: '/:rest(.*)*', name: 'lost', component: () => import('@/views/NotFoundView.vue') },
]

export function makeRouter(): Router {
  return createRouter({ history: createWebHistory(), routes })
}
